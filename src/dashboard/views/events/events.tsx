import { Page } from '../../ui/panel.tsx';

export function Events() {
  return <Page title="Events">To be built.</Page>;
}
