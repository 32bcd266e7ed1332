import { InputGroup } from '@jupyterlab/ui-components';
import type { DagFilter } from '../../model/sidebar/dagFilter';
import { valuesOf } from '../../model/sidebar/dagFilter';
import { LOOKS, RUN_STATES } from '../../model/shared/states';
import type { SidebarModel } from '../../model/sidebar/sidebarModel';
import { useTrans } from '../shared/hooks';

/** Search, and choices for tag, owner, state of the last run, favourites and paused DAGs. */
export function DagFilters({ model }: { model: SidebarModel }): JSX.Element {
  const trans = useTrans();
  const { filter } = model;
  const rows = model.dags.value ?? [];
  const { paused, showsPaused } = model.shown();
  const stateNames: [string, string][] = RUN_STATES.map(state => [
    state,
    trans.__(LOOKS[state].label)
  ]);
  stateNames.push(['none', trans.__('no runs')]);
  const plain = (values: string[]) => values.map((value): [string, string] => [value, value]);
  return (
    <div className="jp-flow-filters" role="search">
      <InputGroup
        type="search"
        className="jp-flow-search"
        rightIcon="ui-components:search"
        aria-label={trans.__('Search DAGs')}
        placeholder={trans.__('Search id, tag, owner')}
        value={filter.search}
        onChange={event => model.setFilter({ search: event.target.value })}
      />
      <div className="jp-flow-choices">
        <Choice
          label={trans.__('Tag')}
          value={filter.tag}
          options={plain(valuesOf(rows, row => row.tags))}
          onChange={tag => model.setFilter({ tag })}
        />
        <Choice
          label={trans.__('Owner')}
          value={filter.owner}
          options={plain(valuesOf(rows, row => [row.owner]))}
          onChange={owner => model.setFilter({ owner })}
        />
        <Choice
          label={trans.__('Last run')}
          value={filter.state}
          options={stateNames}
          onChange={state => model.setFilter({ state: state as DagFilter['state'] })}
        />
      </div>
      <div className="jp-flow-choices">
        <Check
          label={trans.__('Favourites')}
          checked={filter.onlyFavourites}
          onChange={onlyFavourites => model.setFilter({ onlyFavourites })}
        />
        <Check
          label={trans.__('Show paused (%1)', paused)}
          checked={showsPaused}
          onChange={showPaused => model.setFilter({ showPaused })}
        />
      </div>
    </div>
  );
}

interface ChoiceProps {
  label: string;
  value: string | null;
  options: [string, string][];
  onChange(value: string | null): void;
}

function Choice({ label, value, options, onChange }: ChoiceProps): JSX.Element | null {
  const trans = useTrans();
  if (options.length === 0) {
    return null;
  }
  return (
    <select
      className="jp-flow-choice"
      aria-label={label}
      data-chosen={value !== null}
      value={value ?? ''}
      onChange={event => onChange(event.target.value || null)}
    >
      <option value="">{trans.__('%1: any', label)}</option>
      {options.map(([option, name]) => (
        <option key={option} value={option}>
          {name}
        </option>
      ))}
    </select>
  );
}

interface CheckProps {
  label: string;
  checked: boolean;
  onChange(checked: boolean): void;
}

function Check({ label, checked, onChange }: CheckProps): JSX.Element {
  return (
    <label className="jp-flow-small-check">
      <input type="checkbox" checked={checked} onChange={event => onChange(event.target.checked)} />
      {label}
    </label>
  );
}
