import { useInfiniteQuery } from '@tanstack/react-query';
import { AgentText } from '../../ui/agent-text.tsx';
import { Answer, Empty } from '../../ui/answer.tsx';
import { Json } from '../../ui/json.tsx';
import { More } from '../../ui/more.tsx';
import { Panel } from '../../ui/panel.tsx';
import { Table } from '../../ui/table.tsx';
import { Time } from '../../ui/time.tsx';
import { historyQuery } from './queries.ts';

export function History({ name }: { name: string }) {
  const history = useInfiniteQuery(historyQuery(name));
  const changes = history.data?.pages.flatMap((page) => page.changes) ?? [];
  return (
    <Panel title="History">
      <Answer of={history} what="history">
        {() =>
          changes.length === 0 ? (
            <Empty>It has never been changed.</Empty>
          ) : (
            <Table
              caption={`Changes of ${name}, the newest first`}
              rows={changes}
              keyOf={({ at, seq }) => `${at} ${seq}`}
              columns={[
                { name: 'When', cell: ({ at }) => <Time at={at} /> },
                { name: 'By', cell: ({ by }) => <AgentText text={by ?? 'unknown'} /> },
                {
                  name: 'From',
                  cell: ({ from, at }) => <Json value={from} label={`Before the change of ${at}`} />,
                },
                { name: 'To', cell: ({ to, at }) => <Json value={to} label={`After the change of ${at}`} /> },
              ]}
            />
          )
        }
      </Answer>
      <More of={history} />
    </Panel>
  );
}
