import { useMutation } from '@tanstack/react-query';
import { useRefusal } from '../../data/me.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { setPaused } from './queries.ts';

export function PauseAgent({ id, onClose }: { id: string; onClose: () => void }) {
  const pausing = useMutation({ mutationFn: () => setPaused(id, true), onSuccess: onClose });
  return (
    <Dialog
      title={`Pause ${id}?`}
      verb="Pause"
      danger
      busy={pausing.isPending}
      error={pausing.error}
      refusal={useRefusal('admin')}
      onSubmit={() => pausing.mutate()}
      onClose={onClose}
    >
      <p>
        None of its steps is begun any more. Model calls of its steps that run are given up within 5 seconds,
        and the steps wait. It can still propose. Nothing is lost; it goes on when you resume it.
      </p>
    </Dialog>
  );
}
