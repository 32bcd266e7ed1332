import { LabIcon } from '@jupyterlab/ui-components';

const SVG = `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 22 22">
  <g class="jp-icon3" fill="#616161">
    <path d="M3 3.5h6v4H3zM13 9h6v4h-6zM3 14.5h6v4H3z"/>
    <path d="M9 5h3.2v5.2H13v1.6h-.8V17H9v-1.6h1.7V6.6H9z"/>
  </g>
</svg>`;

export const flowIcon = new LabIcon({ name: 'jupyter-flow:icon', svgstr: SVG });
