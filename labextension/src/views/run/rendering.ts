/** What Lab lends to the views that show code and outputs. */
import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { createContext, useContext } from 'react';

export interface Rendering {
  rendermime: IRenderMimeRegistry;
  languages: IEditorLanguageRegistry | null;
}

export const RenderingContext = createContext<Rendering | null>(null);

export function useRendering(): Rendering | null {
  return useContext(RenderingContext);
}
