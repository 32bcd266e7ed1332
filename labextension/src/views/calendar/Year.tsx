import type { TranslationBundle } from '@jupyterlab/translation';
import { useEffect, useMemo, useRef } from 'react';
import type { KeyboardEvent } from 'react';
import type { CalendarDay, CalendarDocument } from '../../client/historyApi';
import type { CalendarModel } from '../../model/calendar/calendarModel';
import { isIn, loudestOf, monthsOf, movedDay } from '../../model/calendar/days';
import { LOOKS, RUN_STATES } from '../../model/shared/states';
import { useTrans } from '../shared/hooks';

interface Props {
  model: CalendarModel;
  document: CalendarDocument;
  year: number;
}

const MONDAY = Date.UTC(2026, 0, 5);

/** Twelve months; arrows go from day to day, Shift extends the selection. */
export function Year({ model, document, year }: Props): JSX.Element {
  const trans = useTrans();
  const room = useRef<HTMLDivElement | null>(null);
  const isByKey = useRef(false);
  const months = useMemo(() => monthsOf(year), [year]);
  const known = useMemo(() => new Map(document.days.map(item => [item.day, item])), [document]);
  const { focus, range } = model;
  const isHere = (day: string | null) => day !== null && Number(day.slice(0, 4)) === year;
  const stop = isHere(focus) ? focus : isHere(document.today) ? document.today : `${year}-01-01`;
  useEffect(() => {
    if (isByKey.current && focus !== null) {
      isByKey.current = false;
      room.current?.querySelector<HTMLElement>(`[data-day="${focus}"]`)?.focus();
    }
  }, [focus]);
  const onKey = (event: KeyboardEvent<HTMLElement>) => {
    const day = (event.target as HTMLElement).dataset['day'];
    const next = day === undefined ? null : movedDay(day, event.key);
    if (next !== null) {
      event.preventDefault();
      isByKey.current = true;
      model.select(next, event.shiftKey);
    }
  };
  const weekdays = Array.from({ length: 7 }, (_, at) => {
    const date = MONDAY + at * 86_400_000;
    return {
      short: new Intl.DateTimeFormat(undefined, { weekday: 'narrow', timeZone: 'UTC' }).format(
        date
      ),
      long: new Intl.DateTimeFormat(undefined, { weekday: 'long', timeZone: 'UTC' }).format(date)
    };
  });
  return (
    <div
      className="jp-flow-calendar-months"
      ref={room}
      onKeyDown={onKey}
      onPointerDown={event => {
        const day = (event.target as HTMLElement).dataset['day'];
        if (day !== undefined) {
          model.select(day, event.shiftKey);
        }
      }}
      onPointerOver={event => {
        const day = (event.target as HTMLElement).dataset['day'];
        if (day !== undefined && event.buttons === 1 && focus !== null && day !== focus) {
          model.select(day, true);
        }
      }}
    >
      {months.map(({ first, weeks }) => (
        <div
          key={first}
          className="jp-flow-calendar-month"
          role="grid"
          aria-multiselectable="true"
          aria-label={dayWords(first, { month: 'long', year: 'numeric' })}
        >
          <h2 aria-hidden="true">{dayWords(first, { month: 'long' })}</h2>
          <div role="row" className="jp-flow-calendar-week">
            {weekdays.map(({ short, long }) => (
              <span key={long} role="columnheader" aria-label={long} title={long}>
                {short}
              </span>
            ))}
          </div>
          {weeks.map((week, row) => (
            <div role="row" key={row} className="jp-flow-calendar-week">
              {week.map((day, at) =>
                day === null ? (
                  <span key={at} role="gridcell" />
                ) : (
                  <Day
                    key={at}
                    day={day}
                    item={known.get(day)}
                    isToday={day === document.today}
                    isSelected={isIn(day, range)}
                    isStop={day === stop}
                    words={words(day, known.get(day), trans)}
                  />
                )
              )}
            </div>
          ))}
        </div>
      ))}
    </div>
  );
}

interface DayProps {
  day: string;
  item: CalendarDay | undefined;
  isToday: boolean;
  isSelected: boolean;
  isStop: boolean;
  words: string;
}

function Day({ day, item, isToday, isSelected, isStop, words }: DayProps): JSX.Element {
  const loudest = item ? loudestOf(item.states) : null;
  return (
    <span
      className="jp-flow-calendar-day"
      role="gridcell"
      tabIndex={isStop ? 0 : -1}
      data-day={day}
      data-state={loudest ?? ''}
      data-tone={loudest === null ? 'none' : LOOKS[loudest].tone}
      data-coming={loudest === null && Boolean(item?.coming)}
      aria-current={isToday ? 'date' : undefined}
      aria-selected={isSelected}
      aria-label={words}
      title={words}
    >
      {Number(day.slice(8))}
      {loudest === null ? null : (
        <svg viewBox="0 0 12 12" aria-hidden="true">
          <path d={LOOKS[loudest].path} />
        </svg>
      )}
    </span>
  );
}

function words(day: string, item: CalendarDay | undefined, trans: TranslationBundle): string {
  const counts = RUN_STATES.filter(state => item?.states[state]).map(
    state => `${item?.states[state]} ${trans.__(LOOKS[state].label)}`
  );
  if (item?.coming) {
    counts.push(trans.__('%1 to come', String(item.coming)));
  }
  const date = dayWords(day, { dateStyle: 'medium' });
  return `${date}: ${counts.join(', ') || trans.__('no runs')}`;
}

export function dayWords(day: string, options: Intl.DateTimeFormatOptions): string {
  return new Intl.DateTimeFormat(undefined, { ...options, timeZone: 'UTC' }).format(
    Date.parse(day)
  );
}
