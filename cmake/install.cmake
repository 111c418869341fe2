# What `make install` puts where. All programs go beside each other, as they find each other that
# way, and the plugins to ../lib/sluice/plugins. Configurations are examples: nothing is written
# below /etc.

include(GNUInstallDirs)
get_property(programs GLOBAL PROPERTY SLUICE_PROGRAMS)
get_property(plugins GLOBAL PROPERTY SLUICE_PLUGINS)
if(programs)
  install(TARGETS ${programs} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
if(plugins)
  install(TARGETS ${plugins} LIBRARY DESTINATION lib/sluice/plugins)
endif()

foreach(section 1 5 8)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section}
          FILES_MATCHING PATTERN "*.${section}")
endforeach()
install(DIRECTORY ${PROJECT_BINARY_DIR}/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1
        FILES_MATCHING PATTERN "*.1")
install(DIRECTORY ${PROJECT_BINARY_DIR}/completions/
        DESTINATION share/bash-completion/completions)

# Programs that run from the build directory find it at the same place beside them.
configure_file(${PROJECT_SOURCE_DIR}/etc/accelerators.yaml
               ${PROJECT_BINARY_DIR}/share/sluice/accelerators.yaml COPYONLY)
install(FILES ${PROJECT_SOURCE_DIR}/etc/sluice.yaml ${PROJECT_SOURCE_DIR}/etc/client.conf
              ${PROJECT_SOURCE_DIR}/etc/accelerators.yaml ${PROJECT_SOURCE_DIR}/etc/prices.yaml
        DESTINATION share/sluice)
install(FILES ${PROJECT_SOURCE_DIR}/etc/sluice.sysusers DESTINATION lib/sysusers.d
        RENAME sluice.conf)
# The units name the programs by their path, which only the installation knows (--prefix).
set(SLUICE_UNITS sluicectld.service sluiced.service sluice-relay.service)
foreach(unit ${SLUICE_UNITS})
  install(CODE "
    set(prefix \"\${CMAKE_INSTALL_PREFIX}\")
    configure_file(\"${PROJECT_SOURCE_DIR}/etc/${unit}.in\"
                   \"${PROJECT_BINARY_DIR}/etc/${unit}\" @ONLY)
    file(INSTALL \"${PROJECT_BINARY_DIR}/etc/${unit}\"
         DESTINATION \"\${CMAKE_INSTALL_PREFIX}/lib/systemd/system\")")
endforeach()
