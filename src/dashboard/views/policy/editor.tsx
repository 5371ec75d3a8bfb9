import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import type { PolicyEntry } from '../../data/types.ts';
import { Failure } from '../../ui/answer.tsx';
import { Button, ScopedButton } from '../../ui/button.tsx';
import { TextArea } from '../../ui/field.tsx';
import { Field } from './form/field.tsx';
import { readSchema } from './form/schema.ts';
import styles from './policy.module.css';
import { PreviewResult } from './preview-result.tsx';
import { preview, save } from './queries.ts';

/** What a change begins from. */
type Base = Pick<PolicyEntry, 'value' | 'updated_at'>;

/** A value as a form, or as JSON; shown before it is saved what it would do. */
export function Editor({ entry }: { entry: PolicyEntry }) {
  const [base, setBase] = useState<Base>(entry);
  const [draft, setDraft] = useState<unknown>(entry.value);
  /** The JSON as it is being written; null while the form is shown. */
  const [raw, setRaw] = useState<string | null>(null);
  const previewing = useMutation({ mutationFn: () => preview(entry.key, draftOf(raw, draft)) });
  const saving = useMutation({
    mutationFn: () => save(entry.key, draftOf(raw, draft), base.updated_at),
    onSuccess: ({ policy }) => startFrom(policy),
  });
  const startFrom = (from: Base) => {
    setBase(from);
    setDraft(from.value);
    setRaw(raw === null ? null : print(from.value));
  };
  const change = (value: unknown) => {
    setDraft(value);
    previewing.reset();
    saving.reset();
  };
  const changedElsewhere = entry.updated_at !== base.updated_at;
  const untouched = raw === null ? print(draft) === print(base.value) : raw === print(base.value);
  const nothing = untouched ? 'Nothing is changed yet.' : null;

  return (
    <>
      {changedElsewhere && (
        <div className={styles.note} role="status">
          It was changed elsewhere meanwhile, by {entry.updated_by ?? 'somebody'}.{' '}
          <Button onClick={() => startFrom(entry)}>Take that value</Button>
        </div>
      )}
      <div className={styles.form}>
        {raw === null ? (
          <Field schema={readSchema(entry.schema)} name={entry.key} value={draft} onChange={change} />
        ) : (
          <TextArea
            label={`${entry.key} as JSON`}
            rows={14}
            spellCheck={false}
            value={raw}
            onChange={(event) => {
              setRaw(event.target.value);
              previewing.reset();
              saving.reset();
            }}
          />
        )}
      </div>
      <div className={styles.buttons}>
        <Button refusal={nothing} busy={previewing.isPending} onClick={() => previewing.mutate()}>
          Preview
        </Button>
        <ScopedButton
          scope="admin"
          look="primary"
          refusal={nothing}
          busy={saving.isPending}
          onClick={() => saving.mutate()}
        >
          Save
        </ScopedButton>
        <Button
          look="quiet"
          refusal={isJson(raw) ? null : 'It is no JSON yet.'}
          onClick={() => {
            setDraft(draftOf(raw, draft));
            setRaw(raw === null ? print(draft) : null);
          }}
        >
          {raw === null ? 'As JSON' : 'As a form'}
        </Button>
        {!untouched && (
          <Button look="quiet" onClick={() => startFrom(entry)}>
            Take it back
          </Button>
        )}
      </div>
      <Failure error={saving.error ?? previewing.error} />
      {saving.isSuccess && untouched && (
        <p role="status" className={styles.saved}>
          Saved. It holds from now on.
        </p>
      )}
      {previewing.data && <PreviewResult preview={previewing.data} />}
    </>
  );
}

/** @throws when what was written is no JSON */
function draftOf(raw: string | null, draft: unknown): unknown {
  return raw === null ? draft : JSON.parse(raw);
}

function isJson(raw: string | null): boolean {
  try {
    draftOf(raw, null);
    return true;
  } catch {
    return false;
  }
}

function print(value: unknown): string {
  return JSON.stringify(value, null, 2);
}
