import type { ReactNode } from 'react';
import { sayNumber } from '../../../ui/duration.ts';
import { Check, TextField } from '../../../ui/field.tsx';
import { Json } from '../../../ui/json.tsx';
import styles from '../policy.module.css';
import { ObjectField } from './object-field.tsx';
import { RecordField } from './record-field.tsx';
import { emptyValue, type FieldProps } from './schema.ts';
import { WordsField } from './words-field.tsx';

/** One value of a form, by the shape that its schema gives it. */
export function Field({ schema, name, value, onChange }: FieldProps): ReactNode {
  const { shape, description } = schema;
  const label = name.replaceAll('_', ' ');
  switch (shape.is) {
    case 'boolean':
      return (
        <Check label={label} checked={value === true} onChange={(event) => onChange(event.target.checked)} />
      );
    case 'number':
      return (
        <TextField
          label={label}
          hint={description || sayRange(shape.min, shape.max)}
          type="number"
          min={shape.min}
          max={shape.max}
          step={shape.whole ? 1 : 'any'}
          value={typeof value === 'number' && !Number.isNaN(value) ? value : ''}
          onChange={(event) => onChange(event.target.value === '' ? null : event.target.valueAsNumber)}
        />
      );
    case 'text':
      return (
        <TextField
          label={label}
          hint={description}
          value={typeof value === 'string' ? value : ''}
          onChange={(event) => onChange(event.target.value)}
        />
      );
    case 'words':
      return <WordsField label={label} hint={description} value={value} onChange={onChange} />;
    case 'object':
      return <ObjectField Field={Field} members={shape.members} value={value} onChange={onChange} />;
    case 'record':
      return (
        <RecordField
          Field={Field}
          each={shape.each}
          label={label}
          hint={description}
          value={value}
          onChange={onChange}
        />
      );
    case 'nullable':
      return (
        <div className={styles.group}>
          <Check
            label={`${label}: without an end`}
            checked={value === null}
            onChange={(event) => onChange(event.target.checked ? null : emptyValue(shape.inner))}
          />
          {value !== null && <Field schema={shape.inner} name={name} value={value} onChange={onChange} />}
        </div>
      );
    case 'other':
    default:
      return <Json value={value} label={label} />;
  }
}

function sayRange(min: number | undefined, max: number | undefined): string {
  return `${min === undefined ? 'any' : sayNumber(min)} to ${max === undefined ? 'any' : sayNumber(max)}`;
}
