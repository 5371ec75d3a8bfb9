import { Page } from '../../ui/panel.tsx';

export function Agents({ id }: { id: string | null }) {
  return <Page title="Agents">To be built: {id}</Page>;
}
