import { Page } from '../../ui/panel.tsx';

export function Proposal({ id }: { id: string }) {
  return <Page title="Proposal">To be built: {id}</Page>;
}
