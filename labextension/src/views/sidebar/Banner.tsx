import type { SidebarModel } from '../../model/sidebar/sidebarModel';
import { troublesOf } from '../../model/sidebar/troubles';
import { useTrans } from '../shared/hooks';

/** What is wrong around the house, in the host's own sentences; it comes and goes by itself. */
export function Banner({ model }: { model: SidebarModel }): JSX.Element {
  const trans = useTrans();
  const { value, error } = model.health;
  const shown = model.isConnected ? troublesOf(value, error?.message ?? null) : [];
  return (
    <div className="jp-flow-banner" role="status" aria-label={trans.__('What is wrong')}>
      {shown.map(item => (
        <p key={item.kind} data-severity={item.severity} data-kind={item.kind}>
          {item.message}
        </p>
      ))}
    </div>
  );
}
