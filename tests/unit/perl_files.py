"""Configurations of the original, in the shapes that are met."""

BLUE = "0b5a9f3e-0000-4000-8000-00000000000a"

BY_HAND = f"""\
#!/usr/bin/perl
use strict;
use utf8;
# La configuration
our %CFG = (
    fifo => '/var/run/tetras-back.fifo',   # the commands
    scriptdir => "/usr/local/lib/tetras-back",
    DISKS => {{
        CONNECTED => {{}},
        KNOWN => {{
            "{BLUE}" => {{ name => 'l\\'été', last_seen => 'Never', last_backup => 'Never', }},
        }},
    }},
    SCRIPTS => {{
        'backup_nocloud.sh' => 1,
        'backup_demo-tibox.sh' => 0,
    }},
    CLIENTS => {{ }},
);

1;
"""

DUMPED = f"""\
%CFG = (
         'CLIENTS' => {{
                        '/var/run/tetras-web.fifo' => 1512340000
                      }},
         'SCRIPTS' => {{
                        'backup_nocloud.sh' => '--data --mysql --interrupt apache2,php-fpm',
                        'ours.sh' => '--to "a b"'
                      }},
         'DISKS' => {{
                      'KNOWN' => {{
                                   '{BLUE}' => {{
                                       'last_backup' => "Sauvegarde r\\x{{e9}}ussie 1512345678",
                                       'name' => "l'\\x{{e9}}t\\x{{e9}}",
                                       'last_seen' => '1512345678'
                                   }},
                                   'ABCD-1234' => {{
                                       'last_backup' => 'Échec 1512345679',
                                       'last_seen' => 1512345679.25,
                                       'name' => 'vert'
                                   }}
                                 }},
                      'CONNECTED' => {{ '{BLUE}' => '/dev/sdb1' }}
                    }},
         'fifo' => '/var/run/tetras-back.fifo'
       );
"""

WRITTEN_BY_THE_DAEMON = f"""\
#####
#
# Tetras-back configuration file
#
#####

use strict;
use warnings;

our (%CFG);

# The configuration data
{DUMPED.strip()}

1;
# EOF
"""
