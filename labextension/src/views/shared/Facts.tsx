import type { ReactNode } from 'react';

/** What it is called, what it is (nothing is shown if that is empty), and more about it. */
export type Fact = readonly [name: string, value: ReactNode, title?: string];

interface Props {
  rows: Fact[];
  /** How they stand: `jp-flow-facts` in one line, `jp-flow-details` in columns, `jp-flow-aside-facts` in a list. */
  className: string;
}

/** Names and values; those without a value are left out. */
export function Facts({ rows, className }: Props): JSX.Element {
  return (
    <dl className={className}>
      {rows
        .filter(([, value]) => value !== '')
        .map(([name, value, title]) => (
          <div key={name} title={title || undefined}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}
