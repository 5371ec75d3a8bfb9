import { Page } from '../../ui/panel.tsx';

export function Proposals() {
  return <Page title="Proposals">To be built.</Page>;
}
