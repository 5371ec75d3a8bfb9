import { Page } from '../../ui/panel.tsx';

export function Files() {
  return <Page title="Files">To be built.</Page>;
}
