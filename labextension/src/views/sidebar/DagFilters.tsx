import { InputGroup } from '@jupyterlab/ui-components';
import { valuesOf } from '../../model/sidebar/dagFilter';
import { LOOKS, RUN_STATES } from '../../model/shared/states';
import type { SidebarModel } from '../../model/sidebar/sidebarModel';
import { Choice } from '../shared/Choice';
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
  const choices: ['tag' | 'owner' | 'state', string, [string, string][]][] = [
    ['tag', trans.__('Tag'), plain(valuesOf(rows, row => row.tags))],
    ['owner', trans.__('Owner'), plain(valuesOf(rows, row => [row.owner]))],
    ['state', trans.__('Last run'), stateNames]
  ];
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
        {choices.map(([name, label, options]) =>
          options.length === 0 ? null : (
            <Choice
              key={name}
              className="jp-flow-choice"
              label={label}
              value={filter[name]}
              options={options}
              any={trans.__('%1: any', label)}
              onChange={value => model.setFilter({ [name]: value })}
            />
          )
        )}
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
