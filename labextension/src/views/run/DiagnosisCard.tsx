import type { DiagnosedFailure, Frame } from '../../client/runApi';
import type { AnyState } from '../../model/shared/states';
import { reasonText } from '../../model/shared/format';
import { useTrans } from '../shared/hooks';
import { StateMark } from '../shared/StateMark';
import { Code } from './Code';

interface Props {
  failure: DiagnosedFailure;
  onSelect(): void;
  onOpenNotebook(): void;
  onRepair(): void;
}

const OWN_FRAMES = 4;

/** What failed first: where, why, and what is probably the matter. One click leads to the cell, one to another try. */
export function DiagnosisCard({ failure, onSelect, onOpenNotebook, onRepair }: Props): JSX.Element {
  const trans = useTrans();
  const { cell, exception } = failure;
  const frames = failure.frames.filter(frame => frame.is_own && !frame.is_cell);
  const index = failure.map_index >= 0 ? `[${failure.map_index}]` : '';
  return (
    <section className="jp-flow-diagnosis" aria-label={trans.__('Diagnosis')}>
      <div className="jp-flow-diagnosis-head">
        <StateMark state={failure.state as AnyState} bare />
        <h2>
          <button className="jp-flow-link" title={failure.task_id} onClick={onSelect}>
            {failure.task_display_name}
            {index}
          </button>{' '}
          {cell ? trans.__('failed in cell %1', cell.number) : trans.__('failed')}
        </h2>
        <span className="jp-flow-faint">
          {failure.attempt_number ? trans.__('attempt %1', failure.attempt_number) : ''}
        </span>
        <span className="jp-flow-space" />
        {failure.has_notebook ? (
          <button className="jp-flow-button" onClick={onOpenNotebook}>
            {trans.__('Open notebook at failing cell')}
          </button>
        ) : null}
        <button className="jp-flow-button jp-mod-accept" onClick={onRepair}>
          {trans.__('Run again from here …')}
        </button>
      </div>
      <p className="jp-flow-diagnosis-error">
        {exception ? (
          <>
            <b>{exception.type}</b>
            {exception.message ? `: ${exception.message}` : ''}
          </>
        ) : (
          reasonText(failure.reason)
        )}
      </p>
      <div className="jp-flow-diagnosis-body">
        {cell ? (
          <div className="jp-flow-excerpt" data-error-line={cell.error_line ?? ''}>
            {cell.source.split('\n').map((line, place) => {
              const number = cell.first_line + place;
              return (
                <div
                  key={number}
                  className="jp-flow-excerpt-line"
                  data-failing={number === cell.error_line}
                >
                  <span aria-hidden="true">{number === cell.error_line ? '▸' : ''}</span>
                  <span className="jp-flow-faint">{number}</span>
                  <Code source={line} language="python" />
                </div>
              );
            })}
          </div>
        ) : null}
        <div className="jp-flow-diagnosis-more">
          {failure.hints.map(hint => (
            <div key={hint.code} className="jp-flow-hint" data-hint={hint.code}>
              <b>{hint.text}</b>
              <ul>
                {hint.evidence.map(line => (
                  <li key={line}>{line}</li>
                ))}
              </ul>
            </div>
          ))}
          {frames.length > 0 ? <Frames frames={frames.slice(0, OWN_FRAMES)} /> : null}
          {failure.also_failed.map(other => (
            <p key={other.state} className="jp-flow-also" title={other.task_ids.join(', ')}>
              {trans.__('also')} {other.count} <StateMark state={other.state as AnyState} />{' '}
              <span className="jp-flow-faint">
                {other.task_ids.join(', ')}
                {other.count > other.task_ids.length ? ' …' : ''}
              </span>
            </p>
          ))}
        </div>
      </div>
    </section>
  );
}

function Frames({ frames }: { frames: Frame[] }): JSX.Element {
  const trans = useTrans();
  return (
    <ol className="jp-flow-frames" aria-label={trans.__('Own code, the nearest first')}>
      {frames.map(frame => (
        <li key={`${frame.file}:${frame.line}`}>
          <code title={frame.file}>
            {frame.file.split('/').pop()}:{frame.line}
          </code>{' '}
          {frame.function} <code className="jp-flow-faint">{frame.code}</code>
        </li>
      ))}
    </ol>
  );
}
