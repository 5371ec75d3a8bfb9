import { useQuery } from '@tanstack/react-query';
import { AgentText } from '../../ui/agent-text.tsx';
import { Answer } from '../../ui/answer.tsx';
import { Badge } from '../../ui/badge.tsx';
import { ScopedButton } from '../../ui/button.tsx';
import { Copy } from '../../ui/copy.tsx';
import { sayDuration, sayNumber } from '../../ui/duration.ts';
import { Facts } from '../../ui/facts.tsx';
import { Panel } from '../../ui/panel.tsx';
import { Time } from '../../ui/time.tsx';
import { chainQuery } from './queries.ts';
import { useVerification } from './use-verification.ts';
import { Verification } from './verification.tsx';

/** More than this is no longer the pause between two seals. */
const LATE_MS = 10_000;

const PROOF =
  'Reads every event and compares it with its seal, the seals with the chain, and the chain with the heads signed outside of the database. It holds up nothing else.';

/** Where the log ends, what stands for it outside of the database, and whether that is so. */
export function Chain() {
  const asking = useQuery(chainQuery);
  const verifying = useVerification();
  return (
    <Panel
      title="The chain"
      actions={
        <ScopedButton
          scope="admin"
          title={PROOF}
          onClick={verifying.isPending ? verifying.stop : verifying.begin}
        >
          {verifying.isPending ? 'Stop verifying' : 'Verify the log'}
        </ScopedButton>
      }
    >
      <Answer of={asking} what="state of the chain">
        {({ seq, hash, signed, signed_problem, sealing_lag_ms }) => (
          <Facts
            facts={{
              Sealed: `${sayNumber(seq)} events`,
              Hash:
                hash === null ? (
                  'none yet: nothing is sealed'
                ) : (
                  <>
                    <code>{hash}</code> <Copy text={hash} what="hash of the chain" />
                  </>
                ),
              'Signed head':
                signed === null ? (
                  'none yet; the next beat signs one'
                ) : (
                  <>
                    at {sayNumber(signed.seq)}, <Time at={signed.at} />
                  </>
                ),
              Unsealed:
                sealing_lag_ms === 0 ? (
                  'nothing waits'
                ) : (
                  <>
                    since {sayDuration(sealing_lag_ms)}{' '}
                    {sealing_lag_ms > LATE_MS && (
                      <Badge state="degraded" label="late: is a server running?" />
                    )}
                  </>
                ),
              Problem:
                signed_problem === null ? null : (
                  <>
                    <Badge state="error" label="problem" /> <AgentText text={signed_problem} />
                  </>
                ),
            }}
          />
        )}
      </Answer>
      <Verification of={verifying} />
    </Panel>
  );
}
