import { Page } from '../../ui/panel.tsx';

export function Missions() {
  return <Page title="Missions">To be built.</Page>;
}
