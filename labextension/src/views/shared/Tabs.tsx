import { useId } from 'react';
import type { KeyboardEvent, ReactNode } from 'react';

export interface TabItem<T extends string> {
  id: T;
  label: string;
}

interface Props<T extends string> {
  label: string;
  items: TabItem<T>[];
  selected: T;
  onSelect(id: T): void;
  children: ReactNode;
}

const STEPS: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1 };

/** Tabs as the keyboard expects them: one stop, arrows choose. */
export function Tabs<T extends string>(props: Props<T>): JSX.Element {
  const base = useId();
  const { items, selected, onSelect } = props;
  const onKey = (event: KeyboardEvent<HTMLDivElement>) => {
    const at = items.findIndex(item => item.id === selected);
    const step = STEPS[event.key];
    const goal = event.key === 'Home' ? 0 : event.key === 'End' ? items.length - 1 : null;
    const next = step === undefined ? goal : (at + step + items.length) % items.length;
    const item = next === null ? undefined : items[next];
    if (item) {
      event.preventDefault();
      onSelect(item.id);
      event.currentTarget.querySelector<HTMLElement>(`[data-tab="${item.id}"]`)?.focus();
    }
  };
  return (
    <>
      <div className="jp-flow-tabs" role="tablist" aria-label={props.label} onKeyDown={onKey}>
        {items.map(item => (
          <button
            key={item.id}
            id={`${base}-${item.id}`}
            className="jp-flow-tab"
            role="tab"
            data-tab={item.id}
            aria-selected={item.id === selected}
            aria-controls={`${base}-panel`}
            tabIndex={item.id === selected ? 0 : -1}
            onClick={() => onSelect(item.id)}
          >
            {item.label}
          </button>
        ))}
      </div>
      <div
        id={`${base}-panel`}
        className="jp-flow-tab-panel"
        role="tabpanel"
        data-shown-tab={selected}
        aria-labelledby={`${base}-${selected}`}
      >
        {props.children}
      </div>
    </>
  );
}
