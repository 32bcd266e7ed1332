import '@xyflow/react/dist/base.css';
import './base.css';
import './state.css';
import './sidebar.css';
import './page.css';
import './dag.css';
import './run.css';
import './log.css';
