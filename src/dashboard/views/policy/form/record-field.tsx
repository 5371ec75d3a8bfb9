import { type KeyboardEvent, useState } from 'react';
import { Button } from '../../../ui/button.tsx';
import { TextField } from '../../../ui/field.tsx';
import styles from '../policy.module.css';
import { emptyValue, type FieldOf, type Schema } from './schema.ts';

type Props = {
  Field: FieldOf;
  each: Schema;
  label: string;
  hint: string;
  value: unknown;
  onChange: (value: unknown) => void;
};

/** Names, each with a value of the same shape. */
export function RecordField({ Field, each, label, hint, value, onChange }: Props) {
  const [name, setName] = useState('');
  const record = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  const wrong =
    name.trim() === '' ? 'Write a name first.' : Object.hasOwn(record, name.trim()) ? 'It is there.' : null;
  const add = () => {
    if (wrong !== null) return;
    onChange({ ...record, [name.trim()]: emptyValue(each) });
    setName('');
  };
  return (
    <fieldset className={styles.group}>
      <legend>{label}</legend>
      {hint && <p className={styles.hint}>{hint}</p>}
      {Object.entries(record).map(([entry, entryValue]) => (
        <div key={entry} className={styles.entry}>
          <Field
            schema={each}
            name={entry}
            value={entryValue}
            onChange={(changed) => onChange({ ...record, [entry]: changed })}
          />
          <Button
            look="quiet"
            aria-label={`Remove ${entry}`}
            onClick={() =>
              onChange(Object.fromEntries(Object.entries(record).filter(([other]) => other !== entry)))
            }
          >
            Remove
          </Button>
        </div>
      ))}
      <div className={styles.entry}>
        <TextField
          label={`New name in ${label}`}
          value={name}
          onChange={(event) => setName(event.target.value)}
          onKeyDown={(event: KeyboardEvent) => {
            if (event.key === 'Enter') add();
          }}
        />
        <Button refusal={wrong} onClick={add}>
          Add
        </Button>
      </div>
    </fieldset>
  );
}
