# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion of bootahead(1) for fish: verbs and options as its own help lists them.

function __bootahead_verbs
        bootahead --help 2>/dev/null | string match --regex '^  [a-z].*|^      [^- ].*' |
                string replace --regex '^  ([a-z-]+).*' '$1' | string trim | paste -d '\t' - -
end

function __bootahead_options
        set --local verb (commandline --tokenize --cut-at-cursor --current-process)[2]
        switch "$verb"
                case replay watch
                        bootahead $verb --help 2>/dev/null | string match --regex --all --groups-only -- '(--[a-z-]+=?)'
                case '*'
                        set --local ours no
                        for line in (bootahead --help 2>/dev/null)
                                if string match --quiet --regex '^  [a-z]' -- $line
                                        set ours no
                                        string match --quiet --regex "^  $verb\b" -- $line; and set ours yes
                                else if string match --quiet 'For all:' -- $line
                                        set ours yes
                                else if test $ours = yes
                                        string match --regex --groups-only -- '^ +(--[a-z-]+=?)' $line
                                end
                        end
        end
end

complete --command bootahead --condition 'not __fish_seen_argument; and test (count (commandline -opc)) = 1' \
        --no-files --arguments '(__bootahead_verbs)'
complete --command bootahead --condition 'string match --quiet -- "-*" (commandline -ct)' \
        --no-files --arguments '(__bootahead_options)'
