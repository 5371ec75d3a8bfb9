import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { AgentText } from '../../ui/agent-text.tsx';
import { Answer, Empty } from '../../ui/answer.tsx';
import { Page, Panel } from '../../ui/panel.tsx';
import { Editor } from './editor.tsx';
import { History } from './history.tsx';
import styles from './policy.module.css';
import { policyQuery } from './queries.ts';

/** The keys of the policy, and one of them to change. */
export function Policy({ name }: { name: string | null }) {
  const policy = useQuery(policyQuery);
  return (
    <Page title={name === null ? 'Policy' : `Policy: ${name}`}>
      <Answer of={policy} what="policy">
        {({ policy: entries }) => {
          const chosen = entries.find(({ key }) => key === name);
          return (
            <div className={styles.page}>
              <nav aria-label="Policy keys">
                <ul className={styles.keys}>
                  {entries.map(({ key, meaning }) => (
                    <li key={key}>
                      <Link href={`/policy/${key}`} aria-current={key === name ? 'page' : undefined}>
                        {key}
                      </Link>
                      {name === null && <p>{meaning}</p>}
                    </li>
                  ))}
                </ul>
              </nav>
              {chosen && (
                <div className={styles.chosen}>
                  <Panel title={chosen.key}>
                    <p className={styles.meaning}>{chosen.meaning}</p>
                    <Editor key={chosen.key} entry={chosen} />
                  </Panel>
                  <History name={chosen.key} />
                </div>
              )}
              {name !== null && !chosen && (
                <Empty>
                  There is no policy key <AgentText text={name} />; choose one of the list.
                </Empty>
              )}
            </div>
          );
        }}
      </Answer>
    </Page>
  );
}
