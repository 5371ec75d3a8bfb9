import { useMutation } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { sayError } from '../../data/client.ts';
import { useRefusal } from '../../data/me.ts';
import type { Proposal } from '../../data/types.ts';
import { AgentText } from '../../ui/agent-text.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { ReasonField } from '../../ui/reason-field.tsx';
import { approve, reject } from './queries.ts';

type OneOf = Pick<Proposal, 'id' | 'title' | 'kind'>;
export type Deciding = { verb: 'approve' | 'reject'; proposals: readonly OneOf[] };

const WORDS = {
  approve: {
    title: 'Approve',
    what: 'becomes a mission, and its first step is worked as soon as a worker is free.',
  },
  reject: { title: 'Reject', what: 'ends here. Its place under the caps of today is not given back.' },
};

type Props = Deciding & { onDone?: () => void; onClose: () => void };

/** Decides one or several, one after the other; what could not be decided stays, with the reason. */
export function DecideDialog({ verb, proposals, onDone, onClose }: Props) {
  const [reason, setReason] = useState('');
  const [left, setLeft] = useState(proposals);
  const [failures, setFailures] = useState<Record<string, string>>({});
  /** Closing it stops what has not been decided yet. */
  const isOpen = useRef(true);
  useEffect(() => {
    isOpen.current = true;
    return () => {
      isOpen.current = false;
    };
  }, []);

  const decideOne = async ({ id }: OneOf): Promise<boolean> => {
    try {
      await (verb === 'approve' ? approve(id, reason === '' ? {} : { reason }) : reject(id, reason));
      setLeft((before) => before.filter((one) => one.id !== id));
      return true;
    } catch (error) {
      setFailures((before) => ({ ...before, [id]: sayError(error) }));
      return false;
    }
  };
  const deciding = useMutation({
    mutationFn: async () => {
      setFailures({});
      let decided = 0;
      for (const one of left) if (isOpen.current && (await decideOne(one))) decided++;
      return decided === left.length;
    },
    onSuccess: (all) => {
      if (!all || !isOpen.current) return;
      onDone?.();
      onClose();
    },
  });
  const { title, what } = WORDS[verb];
  const many = left.length > 1;
  return (
    <Dialog
      title={many ? `${title} ${left.length} proposals?` : `${title} this proposal?`}
      verb={title}
      danger={verb === 'reject'}
      busy={deciding.isPending}
      error={deciding.error}
      refusal={useRefusal('approve')}
      onSubmit={() => deciding.mutate()}
      onClose={onClose}
    >
      <ul>
        {left.map(({ id, title: name, kind }) => (
          <li key={id}>
            <AgentText text={name} /> (<AgentText text={kind} />)
            {failures[id] !== undefined && (
              <>
                {': '}
                <strong>
                  <AgentText text={failures[id]} />
                </strong>
              </>
            )}
          </li>
        ))}
      </ul>
      <p>
        {many ? 'Each' : 'It'} {what}
      </p>
      <ReasonField value={reason} onChange={setReason} />
    </Dialog>
  );
}
