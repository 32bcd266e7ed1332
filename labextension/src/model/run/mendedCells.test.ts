import { describe, expect, it } from 'vitest';
import { mendedCells } from './mendedCells';

describe('mendedCells', () => {
  it('leaves out outputs and what tools noted', () => {
    const cell = {
      id: 'a',
      cell_type: 'code',
      source: ['x = 1\n', 'x'],
      metadata: { tags: ['parameters'], papermill: { status: 'completed' } },
      outputs: [{ output_type: 'stream', name: 'stdout', text: 'long' }],
      execution_count: 3
    };
    expect(mendedCells([cell])).toEqual([
      { id: 'a', cell_type: 'code', source: 'x = 1\nx', metadata: { tags: ['parameters'] } }
    ]);
    expect(mendedCells([{ ...cell, metadata: {} }])[0]?.metadata).toEqual({});
  });
});
