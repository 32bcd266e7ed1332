/** A page of which there is one at most: opened by a command, restored after a reload. */
import type { ILayoutRestorer, JupyterFrontEnd } from '@jupyterlab/application';
import { MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import type { ReadonlyJSONObject } from '@lumino/coreutils';
import type { ISignal } from '@lumino/signaling';
import type { ReactElement } from 'react';
import { NAMESPACE } from '../tokens';
import { flowIcon } from './icons';
import { FlowWidget } from './pages';
import type { Parts } from './pages';

interface PageModel {
  readonly changed: ISignal<unknown, void>;
  setActive(isActive: boolean): void;
  dispose(): void;
}

export interface OneTab<M extends PageModel> {
  /** Last part of the tab's id. */
  name: string;
  label: string;
  caption: string;
  /** Restores it, with `args` of what it showed. */
  command: string;
  args?(model: M): ReadonlyJSONObject;
  make(): M;
  draw(model: M): ReactElement;
}

class ModelTab<M extends PageModel> extends MainAreaWidget {
  constructor(
    content: FlowWidget,
    readonly model: M
  ) {
    super({ content });
  }
}

/** Returns what brings the tab to the front and gives its model. */
export function oneTab<M extends PageModel>(
  app: JupyterFrontEnd,
  { trans }: Parts,
  restorer: ILayoutRestorer | null,
  page: OneTab<M>
): () => M {
  const tracker = new WidgetTracker<ModelTab<M>>({ namespace: `${NAMESPACE}-${page.name}` });
  void restorer?.restore(tracker, {
    command: page.command,
    args: tab => page.args?.(tab.model) ?? {},
    name: () => page.name
  });
  return () => {
    let tab = tracker.currentWidget;
    if (!tab || tab.isDisposed) {
      const model = page.make();
      const added = new ModelTab(new FlowWidget(model, trans, () => page.draw(model)), model);
      added.id = `jp-flow-${page.name}`;
      added.title.icon = flowIcon;
      added.title.closable = true;
      added.title.label = page.label;
      added.title.caption = page.caption;
      added.toolbar.hide();
      app.shell.add(added, 'main', { type: 'Jupyter Flow' });
      void tracker.add(added);
      if (page.args) {
        model.changed.connect(() => void tracker.save(added));
      }
      tab = added;
    }
    app.shell.activateById(tab.id);
    return tab.model;
  };
}
