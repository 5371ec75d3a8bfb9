import { type ComponentProps, useEffect, useState } from 'react';
import { TextField } from './field.tsx';

type Props = Omit<ComponentProps<'input'>, 'value' | 'onChange'> & {
  label: string;
  value: string;
  onFilter: (value: string) => void;
};

/** A filter that is typed: it holds from Enter, or from leaving the field, and not from each letter. */
export function FilterField({ value, onFilter, ...rest }: Props) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  const use = () => {
    if (text.trim() !== value) onFilter(text.trim());
  };
  return (
    <TextField
      {...rest}
      type="search"
      autoComplete="off"
      spellCheck={false}
      value={text}
      onChange={(event) => {
        setText(event.target.value);
        // The cross of the field was used.
        if (event.target.value === '' && value !== '') onFilter('');
      }}
      onBlur={use}
      onKeyDown={(event) => {
        if (event.key === 'Enter') use();
      }}
    />
  );
}
