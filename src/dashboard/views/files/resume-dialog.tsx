import { useMutation } from '@tanstack/react-query';
import { Dialog } from '../../ui/dialog.tsx';
import { resuming } from './queries.ts';

/** Asks before files are taken again where another executor was seen. */
export function ResumeDialog({ onClose }: { onClose: () => void }) {
  const resume = useMutation(resuming);
  return (
    <Dialog
      title="Take files again?"
      verb="Take files again"
      busy={resume.isPending}
      error={resume.error}
      onClose={onClose}
      onSubmit={() => resume.mutate(undefined, { onSuccess: onClose })}
    >
      <p>
        Another executor was seen at this inbox. Stop it first: two of them do the same task twice. If it is
        seen again, files are halted again.
      </p>
    </Dialog>
  );
}
