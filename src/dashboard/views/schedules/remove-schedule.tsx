import { useMutation } from '@tanstack/react-query';
import { useLocation } from 'wouter';
import { useRefusal } from '../../data/me.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { removeSchedule } from './queries.ts';

export function RemoveSchedule({ name, onClose }: { name: string; onClose: () => void }) {
  const [, go] = useLocation();
  const removing = useMutation({
    mutationFn: async () => {
      await removeSchedule(name);
      // Before everything is read again, for its page would find nothing.
      go('/schedules');
    },
  });
  return (
    <Dialog
      title="Remove this schedule?"
      verb="Remove the schedule"
      danger
      busy={removing.isPending}
      error={removing.error}
      refusal={useRefusal('admin')}
      onSubmit={() => removing.mutate()}
      onClose={onClose}
    >
      <p>
        <code>{name}</code> proposes nothing any more. What it has proposed stays. To stop it for a while,
        pause it instead.
      </p>
    </Dialog>
  );
}
