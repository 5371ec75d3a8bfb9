import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { visible } from '../../../lib/visible.ts';
import { useMe, useRefusal } from '../../data/me.ts';
import type { Key } from '../../data/types.ts';
import { AgentText } from '../../ui/agent-text.tsx';
import { Answer, Empty } from '../../ui/answer.tsx';
import { Badge } from '../../ui/badge.tsx';
import { ScopedButton } from '../../ui/button.tsx';
import { AgentLink } from '../../ui/links.tsx';
import { Panel } from '../../ui/panel.tsx';
import { Table } from '../../ui/table.tsx';
import { Time } from '../../ui/time.tsx';
import { NewKeyDialog } from './new-key.tsx';
import { keysQuery } from './queries.ts';
import { RevokeKey } from './revoke-key.tsx';

export function Keys() {
  const refusal = useRefusal('admin');
  const [creating, setCreating] = useState(false);
  return (
    <Panel
      title="Keys"
      actions={
        <ScopedButton scope="admin" onClick={() => setCreating(true)}>
          New key
        </ScopedButton>
      }
    >
      {refusal === null ? <KeyTable /> : <Empty>{refusal}</Empty>}
      {creating && <NewKeyDialog onClose={() => setCreating(false)} />}
    </Panel>
  );
}

function KeyTable() {
  const keys = useQuery(keysQuery);
  const own = useMe().session.key_id;
  const [revoking, setRevoking] = useState<Key | null>(null);
  return (
    <>
      <Answer of={keys} what="keys">
        {({ keys: rows }) => (
          <Table
            caption="Keys, the newest first"
            rows={rows}
            keyOf={({ key_id }) => key_id}
            columns={[
              { name: 'Key', cell: ({ key_id }) => <code>{key_id}</code> },
              { name: 'Name', cell: ({ name }) => <AgentText text={name} /> },
              {
                name: 'Of',
                cell: ({ agent_id }) => (agent_id === null ? 'an operator' : <AgentLink id={agent_id} />),
              },
              { name: 'May', cell: ({ scopes, kinds }) => mayOf(scopes, kinds) },
              { name: 'Made', cell: ({ created_at }) => <Time at={created_at} /> },
              { name: 'Last used', cell: ({ last_used_at }) => <Time at={last_used_at} /> },
              { name: 'State', cell: (key) => <Badge {...stateOf(key)} /> },
              {
                name: 'Revoke',
                cell: (key) =>
                  key.revoked_at === null && (
                    <ScopedButton
                      scope="admin"
                      look="danger"
                      aria-label={`Revoke ${visible(key.name)} (${key.key_id})`}
                      onClick={() => setRevoking(key)}
                    >
                      {key.key_id === own ? 'Revoke (yours)' : 'Revoke'}
                    </ScopedButton>
                  ),
              },
            ]}
          />
        )}
      </Answer>
      {revoking && (
        <RevokeKey revoking={revoking} isOwn={revoking.key_id === own} onClose={() => setRevoking(null)} />
      )}
    </>
  );
}

function stateOf({ revoked_at, expires_at }: Key): { state: string; tone: 'good' | 'plain' } {
  if (revoked_at !== null) return { state: 'revoked', tone: 'plain' };
  if (expires_at !== null && Date.parse(expires_at) < Date.now()) return { state: 'expired', tone: 'plain' };
  return { state: 'in use', tone: 'good' };
}

function mayOf(scopes: string[], kinds: string[] | null): string {
  return scopes.join(', ') + (kinds === null ? '' : ` (${kinds.join(', ')})`);
}
