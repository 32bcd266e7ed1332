import js from '@eslint/js';
import hooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['lib/**', 'node_modules/**'] },
  js.configs.recommended,
  ...tseslint.configs.recommended,
  {
    files: ['src/**/*.{ts,tsx}'],
    plugins: { 'react-hooks': hooks },
    rules: {
      ...hooks.configs.recommended.rules,
      eqeqeq: 'error',
      'no-undef': 'off',
      'no-restricted-properties': [
        'error',
        { property: 'innerHTML', message: 'Text goes in by textContent or React.' },
        { property: 'outerHTML', message: 'Text goes in by textContent or React.' },
        { property: 'insertAdjacentHTML', message: 'Text goes in by textContent or React.' }
      ],
      'no-restricted-globals': [
        'error',
        { name: 'setInterval', message: 'Nothing polls: the event socket says when to look again.' }
      ]
    }
  }
);
