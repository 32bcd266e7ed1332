/** Shows what a `%%dag` cell put out as a live graph; elsewhere its Mermaid, HTML or text is seen. */
import { ReactWidget } from '@jupyterlab/apputils';
import type { IRenderMime } from '@jupyterlab/rendermime';
import type { Message } from '@lumino/messaging';
import type { ReactElement } from 'react';
import type { DagWithTasks } from '../../client/documents';
import { DagModel } from '../../model/dag/dagModel';
import { DagOutput } from '../../views/notebook/DagOutput';
import { TransContext } from '../../views/shared/hooks';
import type { Parts } from '../pages';

export const DAG_MIME = 'application/vnd.jupyter-flow.dag+json';

class DagRenderer extends ReactWidget implements IRenderMime.IRenderer {
  constructor(private readonly parts: Parts) {
    super();
    this.addClass('jp-flow');
    this.addClass('jp-flow-dag-renderer');
    // the page scrolls, not the graph
    this.node.addEventListener('wheel', event => event.stopPropagation(), { capture: true });
  }

  renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    const written = model.data[DAG_MIME] as unknown as DagWithTasks;
    if (this.model?.dagId !== written.dag_id) {
      this.model?.dispose();
      this.model = new DagModel(this.parts.stream, this.parts.api, written.dag_id);
      this.model.setActive(this.isVisible);
    }
    this.written = written;
    this.update();
    return this.renderPromise ?? Promise.resolve();
  }

  override dispose(): void {
    this.model?.dispose();
    super.dispose();
  }

  protected override render(): ReactElement {
    const { trans, layouts, actions } = this.parts;
    return (
      <TransContext.Provider value={trans}>
        {this.model && this.written ? (
          <DagOutput
            model={this.model}
            written={this.written}
            layouts={layouts}
            actions={actions}
          />
        ) : null}
      </TransContext.Provider>
    );
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this.model?.setActive(this.isVisible);
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.model?.setActive(true);
  }

  protected override onBeforeHide(message: Message): void {
    super.onBeforeHide(message);
    this.model?.setActive(false);
  }

  protected override onBeforeDetach(message: Message): void {
    super.onBeforeDetach(message);
    this.model?.setActive(false);
  }

  private model: DagModel | null = null;
  private written: DagWithTasks | null = null;
}

export function dagRendererFactory(parts: Parts): IRenderMime.IRendererFactory {
  return {
    safe: true, // only text, put in by React
    mimeTypes: [DAG_MIME],
    createRenderer: () => new DagRenderer(parts)
  };
}
