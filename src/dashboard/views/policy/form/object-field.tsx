import { Button } from '../../../ui/button.tsx';
import styles from '../policy.module.css';
import { emptyValue, type FieldOf, type Schema } from './schema.ts';

type Props = {
  Field: FieldOf;
  members: readonly { name: string; required: boolean; schema: Schema }[];
  value: unknown;
  onChange: (value: unknown) => void;
};

/** The members of an object; one that may be missing can be added and taken out. */
export function ObjectField({ Field, members, value, onChange }: Props) {
  const object = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  const set = (name: string, member: unknown) => onChange({ ...object, [name]: member });
  const remove = (name: string) =>
    onChange(Object.fromEntries(Object.entries(object).filter(([other]) => other !== name)));
  return members.map(({ name, required, schema }) => {
    if (!required && !(name in object))
      return (
        <div key={name}>
          <Button look="quiet" onClick={() => set(name, emptyValue(schema))}>
            Add {name.replaceAll('_', ' ')}
          </Button>
        </div>
      );
    return (
      <div key={name} className={required ? undefined : styles.entry}>
        <Field schema={schema} name={name} value={object[name]} onChange={(member) => set(name, member)} />
        {!required && (
          <Button look="quiet" onClick={() => remove(name)}>
            Remove {name.replaceAll('_', ' ')}
          </Button>
        )}
      </div>
    );
  });
}
