import { Page } from '../../ui/panel.tsx';

export function Now() {
  return <Page title="Now">To be built.</Page>;
}
