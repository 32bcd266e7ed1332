/** Tells a model whether the document is looked at that it is about. */
import { MessageLoop } from '@lumino/messaging';
import type { Widget } from '@lumino/widgets';

export function followVisibility(
  widget: Widget,
  model: { setActive(isActive: boolean): void }
): void {
  MessageLoop.installMessageHook(widget, (_, message) => {
    // a hook hears of it before the widget itself does: `isVisible` is not right yet
    if (message.type === 'after-show' || message.type === 'after-attach') {
      model.setActive(!widget.isHidden);
    } else if (message.type === 'before-hide' || message.type === 'before-detach') {
      model.setActive(false);
    }
    return true;
  });
  model.setActive(widget.isVisible);
}
