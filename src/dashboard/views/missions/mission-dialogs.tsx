import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { useRefusal } from '../../data/me.ts';
import type { Mission, Step } from '../../data/types.ts';
import { AgentText } from '../../ui/agent-text.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { ReasonField } from '../../ui/reason-field.tsx';
import { cancel, retry } from './queries.ts';

export function CancelDialog({ mission, onClose }: { mission: Mission; onClose: () => void }) {
  const [reason, setReason] = useState('');
  const cancelling = useMutation({ mutationFn: () => cancel(mission.id, reason), onSuccess: onClose });
  return (
    <Dialog
      title="Cancel this mission?"
      verb="Cancel the mission"
      danger
      busy={cancelling.isPending}
      error={cancelling.error}
      refusal={useRefusal('approve')}
      onSubmit={() => cancelling.mutate()}
      onClose={onClose}
    >
      <AgentText text={mission.title} />
      <p>
        It fails now, and with it the steps that have not ended. A model call that runs is aborted within
        seconds; what it has cost so far is spent. It can be tried again later.
      </p>
      <ReasonField value={reason} onChange={setReason} />
    </Dialog>
  );
}

export function RetryDialog({
  mission,
  steps,
  onClose,
}: {
  mission: Mission;
  steps: readonly Step[];
  onClose: () => void;
}) {
  const [, go] = useLocation();
  const retrying = useMutation({
    mutationFn: () => retry(mission.id),
    onSuccess: (next) => {
      onClose();
      go(`/missions/${next.mission.id}`);
    },
  });
  const left = steps.filter(({ status }) => status !== 'completed').map(({ kind }) => kind);
  return (
    <Dialog
      title="Retry this mission?"
      verb="Retry"
      busy={retrying.isPending}
      error={retrying.error}
      refusal={useRefusal('approve')}
      onSubmit={() => retrying.mutate()}
      onClose={onClose}
    >
      <AgentText text={mission.title} />
      <p>
        A new mission works the steps that are left (<AgentText text={left.join(', ')} />
        ), with what the completed ones have found. It counts under no cap again.
      </p>
    </Dialog>
  );
}
