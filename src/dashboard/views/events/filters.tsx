import { useId } from 'react';
import type { Entity } from '../../data/types.ts';
import { Button } from '../../ui/button.tsx';
import { Fields, Select } from '../../ui/field.tsx';
import { FilterField } from '../../ui/filter-field.tsx';
import { type EventFilters, FILTER_NAMES } from './matches.ts';

/** All of them, as the types see to. */
const ENTITIES: Record<Entity, true> = {
  proposal: true,
  mission: true,
  step: true,
  artefact: true,
  policy: true,
  agent: true,
  key: true,
  worker: true,
  beat: true,
  installation: true,
  log: true,
  backup: true,
  workspace: true,
  file: true,
  alert: true,
  webhook: true,
  schedule: true,
  report: true,
};
const CHOICES = [
  { value: '', label: 'anything' },
  ...Object.keys(ENTITIES).map((entity) => ({ value: entity, label: entity })),
];
const GROUPS = [
  'proposal.',
  'mission.',
  'step.',
  'model.',
  'file.',
  'heartbeat.',
  'worker.',
  'policy.',
  'schedule.',
];

/** Which events are shown; it stands in the address. */
export function Filters({
  filters,
  onSet,
}: {
  filters: EventFilters;
  onSet: (name: keyof EventFilters, value: string) => void;
}) {
  const groups = useId();
  return (
    <Fields>
      <FilterField
        label="Kind, or a group such as step."
        list={groups}
        maxLength={100}
        value={filters.kind ?? ''}
        onFilter={(value) => onSet('kind', value)}
      />
      <datalist id={groups}>
        {GROUPS.map((group) => (
          <option key={group} value={group} />
        ))}
      </datalist>
      <Select
        label="About"
        choices={CHOICES}
        value={filters.entity ?? ''}
        onChange={(event) => onSet('entity', event.target.value)}
      />
      <FilterField
        label="Its id"
        maxLength={200}
        value={filters.entity_id ?? ''}
        onFilter={(value) => onSet('entity_id', value)}
      />
      <FilterField
        label="Proposal id"
        maxLength={36}
        value={filters.proposal_id ?? ''}
        onFilter={(value) => onSet('proposal_id', value)}
      />
      <Button
        refusal={Object.keys(filters).length === 0 ? 'Nothing is filtered: every event is shown.' : null}
        onClick={() => {
          for (const name of FILTER_NAMES) onSet(name, '');
        }}
      >
        Show every event
      </Button>
    </Fields>
  );
}
