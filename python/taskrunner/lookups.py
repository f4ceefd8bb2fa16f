"""Which of the variables that programs are seen to look up count.

A task's environment is filtered, and whoever looks up what it lacks finds nothing, on every machine
alike. So a name in the tables below never makes a result wrong: it stays withheld, whoever asks.
Any other counts as an input, and is passed from the next run on. In the tables are names that
programs look up by the way, that are set where people, editors, terminals and machines are at work,
and that say nothing about what a command is to make.

Names that a tool speaks of by hint count, whatever they are; so do those in a task's `env`.
"""

from __future__ import annotations

from typing import Final

_SESSION: Final = """
DISPLAY WAYLAND_DISPLAY XAUTHORITY ICEAUTHORITY SESSION_MANAGER DESKTOP_SESSION GDMSESSION
GDM_LANG DESKTOP_STARTUP_ID XDG_ACTIVATION_TOKEN XMODIFIERS WINDOWID WINDOWPATH IM_CONFIG_PHASE
XDG_CONFIG_DIRS XDG_DATA_DIRS XDG_SESSION_* XDG_CURRENT_DESKTOP XDG_MENU_PREFIX XDG_SEAT* XDG_VTNR
DBUS_* AT_SPI_* GIO_* GTK_* GDK_* GNOME_* KDE_* QT_* CLUTTER_* PULSE_* PIPEWIRE_* MATE_* XFCE_*
SSH_* GPG_* SUDO_* HOSTNAME HOSTTYPE MACHTYPE OSTYPE MAIL MAILCHECK UID EUID GROUPS INVOCATION_ID
JOURNAL_STREAM NOTIFY_SOCKET MANAGERPID SYSTEMD_* LISTEN_FDS LISTEN_PID LISTEN_FDNAMES
WATCHDOG_PID WATCHDOG_USEC MEMORY_PRESSURE_* CREDENTIALS_DIRECTORY WSL_* WSLENV container LANGUAGE
DEBUGINFOD_URLS DEBUGINFOD_IMA_CERT_PATH
"""
"""What a login, a desktop, ssh, sudo or systemd sets: where windows, sockets and agents are, and
who is logged in. Those that are passed anyway (`environ.UNTRACKED`) don't come here. The language
of messages is said by LANG and LC_*, which are passed and tracked; LANGUAGE refines it for people
alone."""

_TERMINAL: Final = """
COLORTERM COLUMNS LINES TERMCAP TERMINFO TERMINFO_DIRS TERM_PROGRAM TERM_PROGRAM_VERSION
TERM_SESSION_ID TERMINAL_EMULATOR VTE_VERSION LC_TERMINAL* ITERM_* KITTY_* WEZTERM_* ALACRITTY_*
GHOSTTY_* KONSOLE_* TILIX_ID WT_SESSION WT_PROFILE_ID ConEmu* ANSICON TMUX TMUX_* STY ZELLIJ
ZELLIJ_* LS_COLORS LSCOLORS GREP_COLOR GREP_COLORS GCC_COLORS JQ_COLORS TREE_COLORS EZA_COLORS
EXA_COLORS
"""
"""What a terminal says of itself, and which colours are liked in it. A task has none: its output
goes to a pipe. Whether there is colour at all is said by NO_COLOR and the like, which are passed
and tracked."""

_PEOPLE: Final = """
EDITOR VISUAL PAGER BROWSER GIT_EDITOR GIT_SEQUENCE_EDITOR GIT_PAGER GIT_ASKPASS SSH_ASKPASS
MANPAGER MANPATH MANWIDTH LESS LESSOPEN LESSCLOSE LESSCHARSET LESSHISTFILE MORE MOST FZF_* BAT_*
VSCODE_* NVIM NVIM_* VIM VIMRUNTIME MYVIMRC EMACS INSIDE_EMACS JETBRAINS_* ELECTRON_RUN_AS_NODE
INPUTRC FCEDIT
"""
"""Which editor, pager or browser somebody likes, and the editor that the runner was started from.
Nobody is asked anything in a task: its input is empty."""

_SHELL: Final = """
_ OLDPWD PWD SHLVL SHELLOPTS BASHOPTS BASH_VERSION ZSH* ZDOTDIR FISH_* STARSHIP_* POWERLINE_* PS1
PS2 PS3 PS4 PROMPT PROMPT_COMMAND PROMPT_DIRTRIM HIST* SAVEHIST READLINE_* COMP_* CDPATH DIRSTACK
OPTIND OPTARG """
"""What interactive shells keep for themselves. Shells have variables of their own, and don't ask
libc."""

_AUTOMATION: Final = """
CI CI_NAME CONTINUOUS_INTEGRATION BUILD_ID BUILD_NUMBER RUN_ID GITHUB_ACTIONS GITEA_ACTIONS
FORGEJO_ACTIONS GITLAB_CI CIRCLECI TRAVIS APPVEYOR BUILDKITE DRONE JENKINS_URL HUDSON_URL
TEAMCITY_VERSION BITBUCKET_BUILD_NUMBER BITBUCKET_COMMIT TF_BUILD AZURE_PIPELINES
CODEBUILD_BUILD_ARN CODEBUILD_BUILD_ID SEMAPHORE CIRRUS_CI WERCKER BUDDY BUDDY_WORKSPACE_ID
BUDDYBUILD_BRANCH BITRISE_IO SAIL_CI SAILCI CODEFRESH_BUILD_ID CF_BUILD_ID CF_PAGES WORKERS_CI
NETLIFY VERCEL NOW_BUILDER NOW_GITHUB_DEPLOYMENT RENDER RAILWAY_ENVIRONMENT HEROKU_TEST_RUN_ID
EAS_BUILD GERRIT_PROJECT GO_PIPELINE_LABEL HARNESS_BUILD_ID LAYERCI MAGNUM NEVERCODE PROW_JOB_ID
SCREWDRIVER SHIPPABLE STRIDER VELA WOODPECKER XCS AGOLA_GIT_REF AC_APPCIRCLE APPCENTER_BUILD_ID
BAMBOO_AGENT_HOME bamboo_planKey bamboo_buildKey DSARI EARTHLY_CI SOURCEHUT CM_BUILD_ID
XCODE_CLOUD CI_XCODE_PROJECT JB_SPACE_EXECUTION_NUMBER GOOGLE_CLOUD_PROJECT_BUILD
KUBERNETES_SERVICE_HOST CODESPACES GITPOD_WORKSPACE_ID REPL_ID STACKBLITZ CLAUDECODE CLAUDE_CODE
CLAUDE_CODE_* CURSOR_AGENT CURSOR_TRACE_ID GEMINI_CLI CODEX_* AIDER_* AI_AGENT CLINE_* OPENCODE
OPENCODE_* COPILOT_AGENT_* AUGMENT_AGENT GOOSE_TERMINAL
"""
"""By which tools tell that, and in which service, they are run by a machine: they phrase their
output by it. CI itself is passed. What a service says of a commit or a branch (GITHUB_SHA) is not
here: who puts that into a result depends on it."""

_STARTERS: Final = """
npm_* NODE COLOR INIT_CWD PNPM_* BERRY_BIN_FOLDER PROJECT_CWD BUN_WHICH_IGNORE_CWD TASKRUNNER_*
TASK_RUNNER_* VP_RUN_* MAKELEVEL MAKE_TERMOUT MAKE_TERMERR MFLAGS MAKEFLAGS PYTEST_CURRENT_TEST
PYTEST_VERSION PYTEST_XDIST_* TOX_* NOX_* PRE_COMMIT CARGO CARGO_PKG_* CARGO_MANIFEST_*
CARGO_CRATE_NAME CARGO_BIN_NAME CARGO_PRIMARY_PACKAGE RUSTUP_TOOLCHAIN_SOURCE RUST_RECURSION_COUNT
"""
"""What a program that started the runner says of itself: `npm run`, make (how many run at once is
the runner's business), pytest, cargo. And what is the runner's own."""

_RUNTIME: Final = """
PYTHONDONTWRITEBYTECODE PYTHONPYCACHEPREFIX PYTHONUNBUFFERED PYTHONFAULTHANDLER RUST_BACKTRACE
RUST_LIB_BACKTRACE NODE_EXTRA_CA_CERTS NODE_COMPILE_CACHE NODE_REPL_HISTORY MALLOC_*
GLIBC_TUNABLES
"""
"""What language run-times and libc look up whenever they start: whether they keep compiled files,
how they buffer, have their memory and tell of their own crash, and whom they trust in the network.
Images for containers set them for all."""

_WITHHELD: Final = """
LD_* GCONV_PATH PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONINSPECT NODE_OPTIONS NODE_PATH PERL5LIB
PERL5OPT PERL5DB RUBYLIB RUBYOPT JAVA_TOOL_OPTIONS _JAVA_OPTIONS BASH_ENV
"""
"""By which a session's code comes into a tool: withheld on purpose, passed only if declared."""


def _read(*tables: str) -> tuple[frozenset[str], tuple[str, ...]]:
    words = " ".join(tables).split()
    starts = tuple(word[:-1] for word in words if word.endswith("*"))
    return frozenset(word for word in words if not word.endswith("*")), starts


_NAMES, _STARTS = _read(
    _SESSION, _TERMINAL, _PEOPLE, _SHELL, _AUTOMATION, _STARTERS, _RUNTIME, _WITHHELD
)


def counts(name: str) -> bool:
    """Tell whether a result depends on a variable that a program was seen to look up."""
    return name not in _NAMES and not name.startswith(_STARTS)
