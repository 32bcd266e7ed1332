interface Props {
  label: string;
  /** null or empty: any. */
  value: string | null;
  /** Values with the words for them. */
  options: [string, string][];
  /** The words for "any". */
  any: string;
  className: string;
  onChange(value: string | null): void;
}

/** One of several values, or any; its own first line says what is chosen. */
export function Choice({ label, value, options, any, className, onChange }: Props): JSX.Element {
  return (
    <select
      className={className}
      aria-label={label}
      data-chosen={Boolean(value)}
      value={value ?? ''}
      onChange={event => onChange(event.target.value || null)}
    >
      <option value="">{any}</option>
      {options.map(([option, name]) => (
        <option key={option} value={option}>
          {name}
        </option>
      ))}
    </select>
  );
}
