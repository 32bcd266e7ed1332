/** Import errors of a DAG file over its text in JupyterLab's own editors, live. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { MainAreaWidget, ReactWidget } from '@jupyterlab/apputils';
import type { DocumentRegistry, IDocumentWidget } from '@jupyterlab/docregistry';
import { DisposableDelegate } from '@lumino/disposable';
import type { IDisposable } from '@lumino/disposable';
import { FileProblems } from '../model/files/fileProblems';
import { OpenFileProblems } from '../views/files/OpenFileProblems';
import { TransContext } from '../views/shared/hooks';
import type { Parts } from './pages';
import { followVisibility } from './visibility';

export function addOpenFileProblems(
  app: JupyterFrontEnd,
  { stream, api, actions, trans }: Parts,
  /** The name that JupyterLab has for an absolute path. */
  localPath: (path: string) => string
): void {
  const { contents } = app.serviceManager;
  const createNew = (
    widget: IDocumentWidget,
    context: DocumentRegistry.IContext<DocumentRegistry.IModel>
  ): IDisposable | void => {
    if (!(widget instanceof MainAreaWidget)) {
      return; // a document of somebody else's making
    }
    const model = new FileProblems(
      stream,
      api,
      path => localPath(path) === contents.localPath(context.path)
    );
    const head = ReactWidget.create(
      <TransContext.Provider value={trans}>
        <OpenFileProblems
          model={model}
          actions={actions}
          onHeight={height => {
            // Lumino gives a widget no more height than its style asks for
            head.node.style.minHeight = `${height}px`;
            widget.contentHeader.fit();
          }}
        />
      </TransContext.Provider>
    );
    head.addClass('jp-flow');
    widget.contentHeader.addWidget(head);
    followVisibility(widget, model);
    return new DisposableDelegate(() => {
      head.dispose();
      model.dispose();
    });
  };
  app.docRegistry.addWidgetExtension('Editor', { createNew });
  app.docRegistry.addWidgetExtension('Notebook', { createNew });
}
