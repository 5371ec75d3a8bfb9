import { useState } from 'react';
import { TextField } from '../../../ui/field.tsx';

type Props = { label: string; hint: string; value: unknown; onChange: (value: string[]) => void };

/** A list of names, with commas between them. */
export function WordsField({ label, hint, value, onChange }: Props) {
  const words = Array.isArray(value) ? value.map(String) : [];
  // What is being written may end with a comma, which the list does not know.
  const [text, setText] = useState(words.join(', '));
  const shown = split(text).join() === words.join() ? text : words.join(', ');
  return (
    <TextField
      label={label}
      hint={`${hint} Names with commas between them.`.trim()}
      value={shown}
      onChange={(event) => {
        setText(event.target.value);
        onChange(split(event.target.value));
      }}
    />
  );
}

function split(text: string): string[] {
  return text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
}
