import { TextField } from './field.tsx';

/** Why something is decided; whoever reads the log later will want to know. */
export function ReasonField({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  return (
    <TextField
      label="Reason (kept in the event log)"
      maxLength={1000}
      value={value}
      onChange={(event) => onChange(event.target.value)}
    />
  );
}
