import { useMutation } from '@tanstack/react-query';
import { useRefusal } from '../../data/me.ts';
import type { Key } from '../../data/types.ts';
import { AgentText } from '../../ui/agent-text.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { revokeKey } from './queries.ts';

export function RevokeKey({
  revoking: key,
  isOwn,
  onClose,
}: {
  revoking: Key;
  isOwn: boolean;
  onClose: () => void;
}) {
  const revoking = useMutation({ mutationFn: () => revokeKey(key.key_id), onSuccess: onClose });
  return (
    <Dialog
      title="Revoke this key?"
      verb="Revoke the key"
      danger
      busy={revoking.isPending}
      error={revoking.error}
      refusal={useRefusal('admin')}
      onSubmit={() => revoking.mutate()}
      onClose={onClose}
    >
      <p>
        <AgentText text={key.name} /> (<code>{key.key_id}</code>)
      </p>
      <p>
        From now on it opens nothing: programs that use it are refused, and browsers that signed in with it
        are signed out. It cannot be taken back; make a new key instead.
      </p>
      {isOwn && (
        <p>
          <strong>You are signed in with this key.</strong>
        </p>
      )}
    </Dialog>
  );
}
