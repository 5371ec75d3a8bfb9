import { Page } from '../../ui/panel.tsx';

export function Workers() {
  return <Page title="Workers">To be built.</Page>;
}
