import { Page } from '../../ui/panel.tsx';

export function Mission({ id }: { id: string }) {
  return <Page title="Mission">To be built: {id}</Page>;
}
