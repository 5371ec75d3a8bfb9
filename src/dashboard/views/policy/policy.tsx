import { Page } from '../../ui/panel.tsx';

export function Policy({ name }: { name: string | null }) {
  return <Page title="Policy">To be built: {name}</Page>;
}
