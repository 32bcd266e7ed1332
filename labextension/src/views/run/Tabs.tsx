import { useRef } from 'react';
import type { KeyboardEvent } from 'react';

interface Props {
  label: string;
  tabs: { name: string; words: string }[];
  selected: string;
  onSelect(name: string): void;
}

/** A row of tabs: arrows move among them, one of them takes part in tabbing. */
export function Tabs({ label, tabs, selected, onSelect }: Props): JSX.Element {
  const room = useRef<HTMLDivElement>(null);
  const onKeyDown = (event: KeyboardEvent) => {
    const at = tabs.findIndex(tab => tab.name === selected);
    const moves: Record<string, number> = {
      ArrowRight: (at + 1) % tabs.length,
      ArrowLeft: (at - 1 + tabs.length) % tabs.length,
      Home: 0,
      End: tabs.length - 1
    };
    const to = tabs[moves[event.key] ?? -1];
    if (to) {
      event.preventDefault();
      onSelect(to.name);
      room.current?.querySelector<HTMLElement>(`[data-tab-name="${to.name}"]`)?.focus();
    }
  };
  return (
    <div
      className="jp-flow-tabs"
      role="tablist"
      aria-label={label}
      ref={room}
      onKeyDown={onKeyDown}
    >
      {tabs.map(tab => (
        <button
          key={tab.name}
          role="tab"
          className="jp-flow-tab"
          data-tab-name={tab.name}
          aria-selected={tab.name === selected}
          tabIndex={tab.name === selected ? 0 : -1}
          onClick={() => onSelect(tab.name)}
        >
          {tab.words}
        </button>
      ))}
    </div>
  );
}
