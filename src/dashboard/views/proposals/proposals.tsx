import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { useLocation } from 'wouter';
import { useFilters } from '../../data/url-filters.ts';
import { Answer, Empty } from '../../ui/answer.tsx';
import { ScopedButton } from '../../ui/button.tsx';
import { Fields, Select } from '../../ui/field.tsx';
import { FilterField } from '../../ui/filter-field.tsx';
import { More } from '../../ui/more.tsx';
import { Page, Panel } from '../../ui/panel.tsx';
import { DecideDialog, type Deciding } from './decide-dialog.tsx';
import { EditDialog } from './edit-dialog.tsx';
import { InboxRows } from './inbox-rows.tsx';
import { NewProposal } from './new-proposal.tsx';
import { type Filters, proposalQuery, proposalsQuery } from './queries.ts';
import { useInboxKeys } from './use-inbox-keys.ts';

const STATUSES = [
  { value: 'pending', label: 'Waiting for a decision' },
  { value: 'any', label: 'All' },
  { value: 'approved', label: 'Approved, at work' },
  { value: 'completed', label: 'Ended' },
  { value: 'rejected', label: 'Rejected' },
];

/** The inbox of what agents want; with other filters, all they ever wanted. */
export function Proposals() {
  const { filters, set } = useFilters(['status', 'kind', 'agent_id', 'q']);
  const { status = 'pending', ...rest } = filters;
  const query: Filters = status === 'any' ? rest : { ...rest, status };
  const list = useInfiniteQuery(proposalsQuery(query));
  const rows = list.data?.pages.flatMap((page) => page.proposals) ?? [];
  const [, go] = useLocation();
  const [marked, setMarked] = useState<ReadonlySet<string>>(new Set());
  const [deciding, setDeciding] = useState<Deciding | null>(null);
  const [editing, setEditing] = useState<string | null>(null);
  const [creating, setCreating] = useState(false);
  const search = useRef<HTMLInputElement>(null);

  const pending = rows.filter((row) => row.status === 'pending');
  const chosen = pending.filter(({ id }) => marked.has(id));
  const toggle = (id: string) =>
    setMarked(
      (before) => new Set(before.has(id) ? [...before].filter((one) => one !== id) : [...before, id]),
    );
  const decide = (verb: Deciding['verb'], focused: string | null) => {
    const proposals = chosen.length > 0 ? chosen : pending.filter(({ id }) => id === focused);
    if (proposals.length > 0) setDeciding({ verb, proposals });
  };
  const keys = useInboxKeys({
    ids: rows.map(({ id }) => id),
    approve: (id) => decide('approve', id),
    reject: (id) => decide('reject', id),
    edit: (id) => pending.some((row) => row.id === id) && setEditing(id),
    toggle,
    open: (id) => go(`/proposals/${id}`),
    search: () => search.current?.focus(),
  });
  const nothingChosen = chosen.length === 0 ? 'Mark one or more that wait for a decision.' : null;

  return (
    <Page
      title="Proposals"
      actions={
        <ScopedButton scope="propose" look="primary" onClick={() => setCreating(true)}>
          New proposal
        </ScopedButton>
      }
    >
      <Panel
        title={STATUSES.find(({ value }) => value === status)?.label ?? status}
        actions={
          <>
            <ScopedButton scope="approve" refusal={nothingChosen} onClick={() => decide('approve', null)}>
              Approve {chosen.length > 0 ? chosen.length : ''}
            </ScopedButton>
            <ScopedButton
              scope="approve"
              look="danger"
              refusal={nothingChosen}
              onClick={() => decide('reject', null)}
            >
              Reject {chosen.length > 0 ? chosen.length : ''}
            </ScopedButton>
          </>
        }
      >
        <Fields>
          <FilterField
            ref={search}
            label="Search titles (/)"
            value={filters.q ?? ''}
            onFilter={(value) => set('q', value)}
          />
          <Select
            label="Status"
            choices={STATUSES}
            value={status}
            onChange={(event) => set('status', event.target.value)}
          />
          <FilterField label="Kind" value={filters.kind ?? ''} onFilter={(value) => set('kind', value)} />
          <FilterField
            label="Agent"
            value={filters.agent_id ?? ''}
            onFilter={(value) => set('agent_id', value)}
          />
        </Fields>
        <Answer of={list} what="proposals">
          {() =>
            rows.length === 0 ? (
              <Empty>
                {status === 'pending'
                  ? 'Nothing waits for a decision. What policy does not approve by itself comes here.'
                  : 'There is no such proposal. Take back a filter, or make one.'}
              </Empty>
            ) : (
              <InboxRows rows={rows} marked={marked} toggle={toggle} keys={keys} />
            )
          }
        </Answer>
        <More of={list} />
      </Panel>
      {deciding && (
        <DecideDialog
          {...deciding}
          onDone={() => setMarked(new Set())}
          onClose={() => {
            setDeciding(null);
            keys.focus();
          }}
        />
      )}
      {editing !== null && <EditById id={editing} onClose={() => setEditing(null)} />}
      {creating && <NewProposal onClose={() => setCreating(false)} />}
    </Page>
  );
}

/** The list has no bodies, so the one that is edited is read first. */
function EditById({ id, onClose }: { id: string; onClose: () => void }) {
  const { data } = useQuery(proposalQuery(id));
  return data ? <EditDialog proposal={data.proposal} onClose={onClose} /> : null;
}
