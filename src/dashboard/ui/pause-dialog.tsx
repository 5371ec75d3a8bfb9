import { useMutation } from '@tanstack/react-query';
import { pausing } from '../data/pausing.ts';
import { Dialog } from './dialog.tsx';

/** Asks before work is stopped. `whom`: an agent; null is everybody. */
export function PauseDialog({ whom, onClose }: { whom: string | null; onClose: () => void }) {
  const pause = useMutation(pausing);
  const whose = whom === null ? '' : ` of ${whom}`;
  return (
    <Dialog
      title={whom === null ? 'Pause everything?' : `Pause ${whom}?`}
      verb={whom === null ? 'Pause everything' : 'Pause the agent'}
      danger
      busy={pause.isPending}
      error={pause.error}
      onClose={onClose}
      onSubmit={() => pause.mutate(whom, { onSuccess: onClose })}
    >
      <p>From now on no step{whose} begins, on any server.</p>
      <p>
        Running model calls{whose} are broken off within 5 seconds, and their steps go back to the queue. They
        begin anew after the pause; it counts as no failure. A command that runs is left to end.
      </p>
      <p>Proposals are taken and decided as always, and their missions wait. Nothing is lost.</p>
    </Dialog>
  );
}
