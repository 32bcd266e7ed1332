import type { ReactNode } from 'react';

interface Props {
  title: string;
  count?: number;
  className?: string;
  children: ReactNode;
}

/** A titled part of the panel. */
export function Section({ title, count, className, children }: Props): JSX.Element {
  return (
    <section className={`jp-flow-section ${className ?? ''}`} aria-label={title}>
      <h2 className="jp-flow-title">
        {title}
        {count ? <span className="jp-flow-count">{count}</span> : null}
      </h2>
      {children}
    </section>
  );
}
