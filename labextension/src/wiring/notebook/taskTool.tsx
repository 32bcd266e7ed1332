/** The form in the property inspector that writes options into the line of the active `%%task` or `%%dag` cell. */
import { ReactWidget } from '@jupyterlab/apputils';
import { NotebookTools } from '@jupyterlab/notebook';
import type { ICellModel } from '@jupyterlab/cells';
import type { TranslationBundle } from '@jupyterlab/translation';
import { PanelLayout } from '@lumino/widgets';
import type { ReactElement } from 'react';
import { setOption } from '../../model/notebook/taskLine';
import { TaskForm } from '../../views/notebook/TaskForm';
import { TransContext } from '../../views/shared/hooks';

class FormWidget extends ReactWidget {
  constructor(
    private readonly source: () => string | null,
    private readonly onSet: (name: string, value: string) => void,
    private readonly trans: TranslationBundle
  ) {
    super();
    this.addClass('jp-flow');
  }

  protected override render(): ReactElement {
    return (
      <TransContext.Provider value={this.trans}>
        <TaskForm source={this.source()} onSet={this.onSet} />
      </TransContext.Provider>
    );
  }
}

export class TaskTool extends NotebookTools.Tool {
  constructor(trans: TranslationBundle) {
    super();
    this.addClass('jp-flow-task-tool');
    this.form = new FormWidget(
      () => this.cell?.sharedModel.getSource() ?? null,
      (name, value) => this.set(name, value),
      trans
    );
    const layout = (this.layout = new PanelLayout());
    layout.addWidget(this.form);
  }

  override dispose(): void {
    this.cell?.contentChanged.disconnect(this.refresh, this);
    super.dispose();
  }

  protected override onActiveCellChanged(): void {
    this.cell?.contentChanged.disconnect(this.refresh, this);
    const active = this.notebookTools.activeCell;
    this.cell = active?.model.type === 'code' ? active.model : null;
    this.cell?.contentChanged.connect(this.refresh, this);
    this.refresh();
  }

  private refresh(): void {
    this.form.update();
  }

  /** Change only the letters of the option, so that the cursor and what can be undone stay right. */
  private set(name: string, value: string): void {
    const shared = this.cell?.sharedModel;
    const change = shared ? setOption(shared.getSource(), name, value) : null;
    if (shared && change) {
      shared.updateSource(change.start, change.end, change.text);
    }
  }

  private readonly form: FormWidget;
  private cell: ICellModel | null = null;
}
