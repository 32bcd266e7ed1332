/** A badge between the source and the outputs of each `%%task` cell. */
import { ReactWidget } from '@jupyterlab/apputils';
import type { Cell } from '@jupyterlab/cells';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { PanelLayout } from '@lumino/widgets';
import type { ReactElement } from 'react';
import type { FoundTask, NotebookUsesModel } from '../../model/notebook/notebookUses';
import { magicLine, optionOf } from '../../model/notebook/taskLine';
import type { FlowActions } from '../../tokens';
import { TaskBadge } from '../../views/notebook/TaskBadge';
import { TransContext } from '../../views/shared/hooks';

const INPUT = 'jp-Cell-inputWrapper';

class BadgeWidget extends ReactWidget {
  constructor(
    private found: FoundTask,
    private readonly actions: FlowActions,
    private readonly trans: TranslationBundle
  ) {
    super();
    this.addClass('jp-flow-cell-badge');
    this.addClass('jp-flow');
  }

  setFound(found: FoundTask): void {
    this.found = found;
    this.update();
  }

  protected override render(): ReactElement {
    return (
      <TransContext.Provider value={this.trans}>
        <TaskBadge found={this.found} actions={this.actions} />
      </TransContext.Provider>
    );
  }
}

export class TaskBadges {
  constructor(
    private readonly panel: NotebookPanel,
    private readonly model: NotebookUsesModel,
    private readonly actions: FlowActions,
    private readonly trans: TranslationBundle
  ) {
    model.changed.connect(this.schedule, this);
    panel.content.modelContentChanged.connect(this.schedule, this);
    panel.disposed.connect(() => {
      this.isDisposed = true;
      model.changed.disconnect(this.schedule, this);
    });
  }

  private schedule(): void {
    if (!this.isScheduled) {
      this.isScheduled = true;
      requestAnimationFrame(() => {
        this.isScheduled = false;
        if (!this.isDisposed) {
          this.panel.content.widgets.forEach(cell => this.place(cell));
        }
      });
    }
  }

  private place(cell: Cell): void {
    const line = cell.model.type === 'code' ? magicLine(cell.model.sharedModel.getSource()) : null;
    const found = line?.magic === 'task' ? this.model.task(line.id, optionOf(line, 'dag')) : null;
    const badge = this.badges.get(cell);
    if (!found) {
      badge?.dispose();
      this.badges.delete(cell);
    } else if (badge) {
      badge.setFound(found);
    } else if (cell.isPlaceholder()) {
      void cell.ready.then(() => this.schedule());
    } else {
      const layout = cell.layout as PanelLayout;
      const place = layout.widgets.findIndex(widget => widget.hasClass(INPUT)) + 1;
      const made = new BadgeWidget(found, this.actions, this.trans);
      layout.insertWidget(place, made);
      this.badges.set(cell, made);
    }
  }

  private readonly badges = new WeakMap<Cell, BadgeWidget>();
  private isScheduled = false;
  private isDisposed = false;
}
